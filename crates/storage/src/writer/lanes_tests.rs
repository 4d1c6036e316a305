//! What the lanes take, refuse, and in which order.

use super::*;
use crate::writer::request::Call;

fn request() -> Box<dyn Request> {
    Box::new(Call::new(|_| Ok(()), |_: Result<(), StoreError>| ()))
}

fn order_of(lanes: &Lanes, turns: &mut Turns) -> Vec<usize> {
    lanes.begin_group(turns);
    std::iter::from_fn(|| lanes.take(turns).map(|_| lanes.lock().api.len())).collect()
}

#[test]
fn each_lane_is_full_for_itself() {
    let lanes = Lanes::new(2);
    for _ in 0..2 {
        lanes.push(Lane::Api, request()).unwrap();
    }
    assert!(matches!(lanes.push(Lane::Api, request()), Err(StoreError::Overloaded)));
    for lane in [Lane::Attempts, Lane::Output, Lane::Retention] {
        lanes.push(lane, request()).unwrap();
    }
}

#[test]
fn the_api_is_full_by_what_its_requests_write() {
    let lanes = Lanes::new(10);
    let large = |size| -> Box<dyn Request> {
        let shape = crate::writer::request::Shape { size, ..Default::default() };
        Box::new(Call::new(|_| Ok(()), |_: Result<(), StoreError>| ()).of_shape(shape))
    };
    lanes.push(Lane::Api, large(2 * API_MAX_SIZE)).unwrap();
    assert!(matches!(lanes.push(Lane::Api, large(1)), Err(StoreError::Overloaded)));
    lanes.push(Lane::Attempts, large(API_MAX_SIZE)).unwrap();
    assert_eq!(order_of(&lanes, &mut lanes.turns(Takes::All)).len(), 2);
    lanes.push(Lane::Api, large(API_MAX_SIZE - 1)).unwrap();
    lanes.push(Lane::Api, large(1)).unwrap();
    assert!(matches!(lanes.push(Lane::Api, large(1)), Err(StoreError::Overloaded)));
}

#[test]
fn what_was_let_in_as_a_whole_is_not_refused_in_parts() {
    let lanes = Arc::new(Lanes { api_wait_max: Duration::ZERO, ..Lanes::new(1) });
    let part = |size| -> Box<dyn Request> {
        let shape = crate::writer::request::Shape { size, is_let_in: true, ..Default::default() };
        Box::new(Call::new(|_| Ok(()), |_: Result<(), StoreError>| ()).of_shape(shape))
    };
    let first = lanes.let_in(2 * API_MAX_SIZE).unwrap();
    assert!(matches!(lanes.let_in(1), Err(StoreError::Overloaded)));
    drop(first);
    let (_first, second) = (lanes.let_in(1).unwrap(), lanes.let_in(API_MAX_SIZE - 1).unwrap());
    assert!(matches!(lanes.let_in(1), Err(StoreError::Overloaded)));
    lanes.push(Lane::Api, part(API_MAX_SIZE - 1)).unwrap();
    while lanes.lock().api.front().unwrap().since == Instant::now() {}
    assert!(matches!(lanes.push(Lane::Api, request()), Err(StoreError::Overloaded)));
    drop(second);
    assert!(matches!(lanes.let_in(1), Err(StoreError::Overloaded)), "others wait for long");
    lanes.push(Lane::Api, part(API_MAX_SIZE)).unwrap();
    assert_eq!(order_of(&lanes, &mut lanes.turns(Takes::All)), [1, 0]);
    lanes.close();
    assert!(matches!(lanes.let_in(1), Err(StoreError::Closed)));
}

#[test]
fn the_api_is_refused_while_its_first_request_waits_for_too_long() {
    let lanes = Lanes { api_wait_max: Duration::ZERO, ..Lanes::new(10) };
    lanes.push(Lane::Api, request()).unwrap();
    while lanes.lock().api.front().unwrap().since == Instant::now() {}
    assert!(matches!(lanes.push(Lane::Api, request()), Err(StoreError::Overloaded)));
    lanes.push(Lane::Attempts, request()).unwrap();
    lanes.push(Lane::Output, request()).unwrap();
    assert_eq!(order_of(&lanes, &mut lanes.turns(Takes::All)).len(), 3);
    lanes.push(Lane::Api, request()).unwrap();
}

#[test]
fn what_was_given_up_is_taken_by_nobody_and_what_was_taken_is_not_given_up() {
    let lanes = Lanes::new(10);
    let mut turns = lanes.turns(Takes::All);
    let [first, second, third] = [(); 3].map(|()| lanes.push(Lane::Api, request()).unwrap());
    assert!(first.give_up() && second.give_up());
    assert_eq!(order_of(&lanes, &mut turns), [0], "only the third");
    assert!(!third.give_up());
    assert_eq!(lanes.lock().api_size, 0);
    assert!(lanes.push(Lane::Api, request()).unwrap().give_up());
    assert!(order_of(&lanes, &mut turns).is_empty());
    assert!(lanes.is_idle());
}

/// Looks at the end of a request whether the lanes can be locked, as the end of a store does.
struct LocksAtItsEnd(Arc<Lanes>);

impl Drop for LocksAtItsEnd {
    fn drop(&mut self) {
        assert!(self.0.waiting.try_lock().is_ok());
    }
}

#[test]
fn what_was_given_up_is_dropped_when_the_lanes_are_not_locked() {
    let lanes = Arc::new(Lanes::new(10));
    let holds = LocksAtItsEnd(Arc::clone(&lanes));
    let body = move |_: &mut crate::writer::tx::Tx<'_>| {
        let _held = &holds;
        Ok(())
    };
    let request = Box::new(Call::new(body, |_: Result<(), StoreError>| ()));
    assert!(lanes.push(Lane::Api, request).unwrap().give_up());
    assert!(order_of(&lanes, &mut lanes.turns(Takes::All)).is_empty());
}

#[test]
fn retention_has_its_turn_although_the_api_has_no_end() {
    let lanes = Lanes::new(10_000);
    let mut turns = lanes.turns(Takes::All);
    for _ in 0..5 {
        lanes.push(Lane::Api, request()).unwrap();
    }
    lanes.push(Lane::Retention, request()).unwrap();
    lanes.push(Lane::Retention, request()).unwrap();
    turns.retention_at = Instant::now() - RETENTION_APART;
    assert_eq!(order_of(&lanes, &mut turns), [5, 4, 3, 2, 1, 0], "first, and once in a group");
    assert_eq!(order_of(&lanes, &mut turns), [0], "what is left of it, as nothing else waits");
}

#[test]
fn new_jobs_are_made_by_whichever_writer_is_free() {
    let lanes = Lanes::new(100);
    let (mut all, mut beside) = (lanes.turns(Takes::All), lanes.turns(Takes::New(0)));
    let take = |turns: &mut Turns| {
        lanes.begin_group(turns);
        std::iter::from_fn(|| lanes.take(turns)).count()
    };
    let work = |turns: &Turns| lanes.wait(turns, Some(Duration::ZERO)) == Waited::Work;
    lanes.push(Lane::Api, request()).unwrap();
    lanes.push(Lane::Attempts, request()).unwrap();
    assert!(work(&all) && !work(&beside), "it makes jobs only");
    for _ in 0..4 {
        lanes.push(Lane::New, request()).unwrap();
    }
    assert!(work(&all) && work(&beside));
    assert_eq!(take(&mut beside), 4);
    assert_eq!(take(&mut all), 2, "what is not for the other one");
    lanes.push(Lane::New, request()).unwrap();
    assert!(!work(&all), "one is not worth a commit while four are written");
    lanes.push(Lane::New, request()).unwrap();
    assert!(work(&all), "two are");
    assert!(work(&beside) && take(&mut beside) == 2, "and whoever is done takes all there are");
    lanes.push(Lane::New, request()).unwrap();
    assert!(work(&all));
    assert_eq!(take(&mut all), 1);
    let third = lanes.turns(Takes::New(1));
    lanes.push(Lane::New, request()).unwrap();
    assert!(work(&third), "half of two, the largest that is written");
}

#[test]
fn a_writer_that_stands_back_leaves_all_to_the_other() {
    let lanes = Lanes::new(100);
    let (all, beside) = (lanes.turns(Takes::All), lanes.turns(Takes::New(0)));
    lanes.push(Lane::New, request()).unwrap();
    assert_eq!(lanes.stand_back(&beside, Duration::ZERO), Waited::TimeUp);
    assert_eq!(lanes.wait(&all, None), Waited::Work);
    lanes.close();
    assert_eq!(lanes.stand_back(&beside, Duration::from_secs(3600)), Waited::Closed);
    assert_eq!(lanes.wait(&beside, None), Waited::Work, "what waits is still done");
}

#[test]
fn who_waits_is_woken_by_what_it_takes() {
    let lanes = Arc::new(Lanes::new(100));
    for (takes, lane) in [(Takes::New(0), Lane::New), (Takes::All, Lane::Output), (Takes::All, Lane::New)] {
        let waiting = Arc::clone(&lanes);
        let waits = std::thread::spawn(move || {
            let mut turns = waiting.turns(takes);
            assert_eq!(waiting.wait(&turns, None), Waited::Work);
            waiting.begin_group(&mut turns);
            waiting.take(&mut turns).is_some()
        });
        while !lanes.lock().writers[takes.writer()].waits {
            std::thread::yield_now();
        }
        lanes.push(lane, request()).unwrap();
        assert!(waits.join().unwrap());
    }
}

#[test]
fn new_jobs_are_left_to_a_writer_that_has_a_connection() {
    let lanes = Lanes::new(10);
    let (mut all, mut helper) = (lanes.turns(Takes::All), lanes.turns(Takes::New(0)));
    lanes.opened(&mut lanes.turns(Takes::New(1)), false);
    let take = |turns: &mut Turns| {
        lanes.begin_group(turns);
        std::iter::from_fn(|| lanes.take(turns)).count()
    };
    let push = || lanes.push(Lane::New, request()).unwrap();
    push();
    lanes.opened(&mut helper, false);
    assert_eq!(take(&mut helper), 0, "it would fail them");
    assert!(lanes.lock().has_work(BESIDE));
    assert_eq!(take(&mut all), 1);
    lanes.opened(&mut helper, true);
    lanes.opened(&mut all, false);
    push();
    lanes.push(Lane::Attempts, request()).unwrap();
    assert_eq!(take(&mut all), 1, "of what only it takes, somebody has to say that it fails");
    assert!(!lanes.lock().has_work(BESIDE) && lanes.lock().has_work(0));
    assert_eq!(take(&mut helper), 1);
    push();
    lanes.opened(&mut helper, false);
    assert!(lanes.lock().has_work(BESIDE));
    assert_eq!(take(&mut all), 1, "nobody has one");
}
