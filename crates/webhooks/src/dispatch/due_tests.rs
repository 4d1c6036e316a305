//! Tests of who gets how much room.

use super::*;
use crate::testing::at;

fn due(webhooks: &[(i64, bool)]) -> Due {
    let settings =
        WebhookSettings { concurrency: 8, concurrency_per_webhook: 3, ..WebhookSettings::default() };
    let mut due = Due::new(&settings);
    due.keep(&TookIn { webhooks: webhooks.iter().map(|(key, _)| *key).collect(), ..TookIn::default() });
    assert!(
        due.webhooks.values().all(|state| state.is_failing),
        "nobody has shown yet that it takes anything"
    );
    for (key, is_failing) in webhooks {
        due.webhooks.get_mut(key).unwrap().is_failing = *is_failing;
    }
    due
}

fn under_way(due: &mut Due, key: i64, count: usize) {
    due.webhooks.get_mut(&key).unwrap().under_way = count;
}

#[test]
fn a_webhook_gets_its_share_and_one_that_fails_a_single_attempt() {
    assert_eq!(due(&[(1, false), (2, true)]).rooms(at(0)), [(1, 3), (2, 1)]);
    let all = due(&[(1, false), (2, false), (3, false), (4, false)]);
    assert_eq!(all.rooms(at(0)), [(1, 3), (2, 3), (3, 2)], "no more than there is in all");
}

#[test]
fn those_that_fail_leave_half_of_the_room_to_others() {
    let failing: Vec<(i64, bool)> = (1..=20).map(|key| (key, true)).chain([(99, false)]).collect();
    let mut due = due(&failing);
    let rooms = due.rooms(at(0));
    assert_eq!(rooms[0], (99, 3));
    assert_eq!(rooms.len(), 5, "{rooms:?}");
    for key in 1..=4 {
        under_way(&mut due, key, 1);
    }
    assert_eq!(due.rooms(at(0)), [(99, 3)]);
    assert_eq!(due.next(at(0)), None, "what has no room is not waited for");
}

#[test]
fn what_is_not_due_waits_until_it_is_and_is_looked_at_again_when_told() {
    let mut due = due(&[(1, false), (2, false)]);
    due.webhooks.get_mut(&1).unwrap().next = Some(at(10));
    due.webhooks.get_mut(&2).unwrap().next = None;
    assert_eq!((due.rooms(at(9)), due.next(at(9))), (Vec::new(), Some(at(10))));
    assert!(due.is_ready(at(10)));
    due.keep(&TookIn { webhooks: [1, 2].into(), told: [2].into(), ..TookIn::default() });
    assert_eq!(due.rooms(at(9)), [(2, 3)]);
    due.look_at_all(at(9));
    assert_eq!(due.rooms(at(9)).len(), 2);
    under_way(&mut due, 1, 1);
    due.keep(&TookIn::default());
    assert_eq!(due.webhooks.len(), 1, "a webhook that is gone is forgotten with its last attempt");
    due.ended(Ended { webhook_key: 1, end: End::Failed });
    assert!(due.webhooks[&1].is_failing);
}
