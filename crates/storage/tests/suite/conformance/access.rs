//! API keys, sessions and setup links: what becomes of them, and what is refused.

crate::conformance::on_both!(
    a_key_is_changed_revoked_and_deleted_with_event_and_audit_row,
    two_admin_keys_cannot_end_each_other_at_once,
    a_rotated_key_ends_when_its_overlap_does,
    a_key_is_rotated_once,
    a_key_is_restricted_to_projects_that_are_there,
    a_key_is_made_once_however_often_it_is_asked_for,
    keys_are_listed_newest_first_and_by_what_the_caller_may_see,
    the_last_use_only_moves_forward,
    a_session_ends_with_its_key,
    sessions_that_are_over_make_room,
    a_setup_link_works_once_and_only_without_an_admin_key,
);

pub(crate) mod exercise {
    use crate::fixture::*;
    use oneoff_domain::*;
    use oneoff_storage::*;
    use std::time::Duration;

    fn key(id: &str, scopes: &[&str]) -> NewApiKey {
        NewApiKey {
            id: id.to_owned(),
            name: format!("name of {id}"),
            key_hash: format!("hash of {id}"),
            key_prefix: "oneoff_12345678".to_owned(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            project_ids: None,
            expires_at: None,
        }
    }

    async fn make(store: &Store, id: &str, scopes: &[&str]) -> ApiKey {
        store.create_api_key(context(), noon(), key(id, scopes)).await.unwrap().value
    }

    fn access<T>(result: Result<T, StoreError>) -> AccessRefusal {
        match result.err().unwrap() {
            StoreError::Refused(Refusal::Access(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    async fn log(store: &Store) -> Vec<AuditEntry> {
        store.audit_entries(context(), AuditFilter::default(), 200, None).await.unwrap().items
    }

    pub(crate) async fn a_key_is_changed_revoked_and_deleted_with_event_and_audit_row(store: &Store) {
        project(store, "p").await;
        make(store, "a", &["admin"]).await;
        make(store, "b", &["read"]).await;
        let patch = ApiKeyPatch {
            name: Some("new".to_owned()),
            project_ids: Some(Some(vec!["p".to_owned()])),
            ..ApiKeyPatch::default()
        };
        let id = || "b".to_owned();
        let changed = store.update_api_key(context(), at(1), id(), patch.clone(), false).await.unwrap();
        assert_eq!((changed.version, changed.updated_at, changed.created_at), (2, at(1), noon()));
        assert_eq!(store.api_key_by_hash("hash of b".to_owned()).await.unwrap(), Some(changed));
        let again = store.update_api_key(context(), at(2), id(), patch, false).await.unwrap();
        assert_eq!(again.version, 2, "nothing changed");
        let stale = Context { if_match: Some(1), ..context() };
        let refused = store.revoke_api_key(stale, at(2), id(), false).await;
        assert!(matches!(
            refused,
            Err(StoreError::Refused(Refusal::VersionMismatch { expected: 1, actual: 2 }))
        ));
        let dry = Context { dry_run: true, ..context() };
        assert!(!store.revoke_api_key(dry, at(2), id(), false).await.unwrap().is_active);
        assert!(store.api_key_by_hash("hash of b".to_owned()).await.unwrap().unwrap().is_active);
        store.revoke_api_key(context(), at(3), id(), false).await.unwrap();
        assert!(!store.api_key_by_hash("hash of b".to_owned()).await.unwrap().unwrap().is_valid(at(3)));
        store.delete_api_key(context(), at(4), id(), false).await.unwrap();
        assert_eq!(store.api_key_by_hash("hash of b".to_owned()).await.unwrap(), None);
        let gone = store.delete_api_key(context(), at(4), id(), false).await;
        assert!(matches!(gone, Err(StoreError::Refused(Refusal::NotFound { kind: "API key", .. }))));
        let kinds =
            ["api_key.created", "api_key.created", "api_key.updated", "api_key.revoked", "api_key.deleted"];
        let written: Vec<&str> = event_kinds(store).await.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(written[1..], kinds);
        let actions: Vec<String> = log(store).await.into_iter().map(|entry| entry.action).collect();
        assert_eq!(
            actions,
            [
                "api_key.delete",
                "api_key.revoke",
                "api_key.update",
                "api_key.create",
                "api_key.create",
                "project.create"
            ]
        );
        assert!(!format!("{:?}", log(store).await).contains("hash of"), "no hash is told");
    }

    pub(crate) async fn two_admin_keys_cannot_end_each_other_at_once(store: &Store) {
        make(store, "a", &["admin"]).await;
        make(store, "b", &["admin"]).await;
        let end = |id: &str| store.revoke_api_key(context(), at(1), id.to_owned(), false);
        let (first, second) = tokio::join!(end("a"), end("b"));
        assert_eq!(
            [first.is_ok(), second.is_ok()].iter().filter(|done| **done).count(),
            1,
            "{first:?} {second:?}"
        );
        let refused = access(if first.is_err() { first } else { second });
        assert!(matches!(refused, AccessRefusal::LastAdminKey { .. }));
        for id in ["a", "b"] {
            store.delete_api_key(context(), at(2), id.to_owned(), true).await.unwrap();
        }
    }

    fn rotation(id: &str, overlap: u64) -> Rotation {
        Rotation {
            id: id.to_owned(),
            key_hash: format!("hash of {id}"),
            key_prefix: "oneoff_87654321".to_owned(),
            expires_at: None,
            overlap: Duration::from_secs(overlap),
        }
    }

    pub(crate) async fn a_rotated_key_ends_when_its_overlap_does(store: &Store) {
        make(store, "a", &["admin"]).await;
        let rotated =
            store.rotate_api_key(context(), at(10), "a".to_owned(), rotation("b", 60)).await.unwrap().value;
        assert_eq!(
            (rotated.new.name.as_str(), rotated.new.scopes.as_slice()),
            ("name of a", &["admin".to_owned()][..])
        );
        assert_eq!(rotated.old.expires_at, Some(at(70)));
        let old = store.api_key_by_hash("hash of a".to_owned()).await.unwrap().unwrap();
        assert!(old.is_valid(at(69)) && !old.is_valid(at(70)));
        let ending = NewApiKey { expires_at: Some(at(70)), ..key("c", &["read"]) };
        store.create_api_key(context(), noon(), ending).await.unwrap();
        let late = store.rotate_api_key(context(), at(70), "c".to_owned(), rotation("e", 0)).await;
        assert!(matches!(access(late), AccessRefusal::NotRotatable { why: "has expired", .. }));
        let at_once =
            store.rotate_api_key(context(), at(71), "b".to_owned(), rotation("d", 0)).await.unwrap().value;
        assert!(!at_once.old.is_active && at_once.new.is_valid(at(71)));
    }

    pub(crate) async fn a_key_is_rotated_once(store: &Store) {
        make(store, "root", &["admin"]).await;
        let lasting = NewApiKey { expires_at: Some(at(1000)), ..key("a", &["read"]) };
        store.create_api_key(context(), noon(), lasting).await.unwrap();
        let rotate = |id: &str, now: u64, new: &str, overlap: u64| {
            store.rotate_api_key(context(), at(now), id.to_owned(), rotation(new, overlap))
        };
        // Two at once: one of them finds that there is a successor.
        let (first, second) = tokio::join!(rotate("a", 10, "b", 60), rotate("a", 10, "c", 60));
        assert_eq!([first.is_ok(), second.is_ok()].iter().filter(|done| **done).count(), 1);
        let (rotated, refused) = if first.is_ok() { (first, second) } else { (second, first) };
        let rotated = rotated.unwrap().value;
        assert_eq!((rotated.new.expires_at, rotated.old.expires_at), (Some(at(1000)), Some(at(70))));
        assert_eq!(rotated.old.replaced_by.as_ref(), Some(&rotated.new.id));
        assert!(matches!(access(refused), AccessRefusal::Replaced { .. }));

        let successor = rotated.new.id;
        let again = access(rotate("a", 20, "d", 60).await).to_string();
        assert!(again.contains(&successor) && again.contains("oneoff_87654321"), "{again}");
        assert!(again.contains("use or rotate that one"), "{again}");
        let third = rotate(&successor, 20, "d", 60).await.unwrap().value;
        assert_eq!(third.new.expires_at, Some(at(1000)), "the successor keeps the expiry that was given");
        assert_eq!(third.old.expires_at, Some(at(80)));

        let restored = ApiKeyPatch { expires_at: Some(None), ..ApiKeyPatch::default() };
        store.update_api_key(context(), at(30), "a".to_owned(), restored, false).await.unwrap();
        store.revoke_api_key(context(), at(30), successor.clone(), false).await.unwrap();
        let again = access(rotate("a", 30, "e", 60).await).to_string();
        assert!(again.contains("not valid any more: make a new one"), "{again}");
        store.delete_api_key(context(), at(40), successor.clone(), false).await.unwrap();
        let again = access(rotate("a", 40, "e", 60).await).to_string();
        assert!(again.contains(&successor) && again.contains("not there any more"), "{again}");
    }

    pub(crate) async fn a_key_is_restricted_to_projects_that_are_there(store: &Store) {
        project(store, "builds").await;
        let within = |id: &str, projects: &[&str]| NewApiKey {
            project_ids: Some(projects.iter().map(|&project| project.to_owned()).collect()),
            ..key(id, &["read"])
        };
        let fault = |refused: Result<_, StoreError>| match refused {
            Err(StoreError::Refused(Refusal::Invalid(errors))) => errors.to_string(),
            other => panic!("{other:?}"),
        };
        let made = store.create_api_key(context(), noon(), within("a", &["builds", "nope"])).await;
        let told = fault(made.map(drop));
        assert!(told.contains("there is no project `nope`") && !told.contains("`builds`"), "{told}");
        let made = store.create_api_key(context(), noon(), within("a", &["biulds"])).await;
        let told = fault(made.map(drop));
        assert!(told.contains("did you mean `builds`"), "{told}");
        assert_eq!(store.api_key(context(), "a".to_owned()).await.unwrap(), None, "nothing was made");

        store.create_api_key(context(), noon(), within("a", &["builds"])).await.unwrap();
        let patch = |projects: &[&str]| ApiKeyPatch {
            project_ids: Some(within("a", projects).project_ids),
            ..ApiKeyPatch::default()
        };
        let changed = store.update_api_key(context(), at(1), "a".to_owned(), patch(&["nope"]), false).await;
        assert!(fault(changed.map(drop)).contains("there is no project `nope`"));
        // Whoever is restricted learns of their own projects alone.
        let caller = Context { allowed_projects: Some(vec!["nope".to_owned()]), ..context() };
        let made = store.create_api_key(caller, noon(), within("b", &["nope"])).await;
        let told = fault(made.map(drop));
        assert!(told.contains("there is no project `nope`") && !told.contains("builds"), "{told}");

        let gone = JobsOfProject::Refuse;
        let removed = store.begin_project_removal(context(), at(2), "builds".to_owned(), gone).await.unwrap();
        assert_eq!(removed, ProjectRemoval::Gone);
        let left = store.api_key(context(), "a".to_owned()).await.unwrap().unwrap();
        assert_eq!(left.project_ids, Some(vec!["builds".to_owned()]), "it stays restricted");
        let name = ApiKeyPatch { name: Some("new".to_owned()), ..ApiKeyPatch::default() };
        let renamed = store.update_api_key(context(), at(3), "a".to_owned(), name, false).await.unwrap();
        assert_eq!(renamed.project_ids, left.project_ids);
        let rotated = store.rotate_api_key(context(), at(4), "a".to_owned(), rotation("c", 0)).await.unwrap();
        assert_eq!(rotated.value.new.project_ids, left.project_ids);
    }

    pub(crate) async fn a_key_is_made_once_however_often_it_is_asked_for(store: &Store) {
        let twice = || store.create_api_key(with_key("k", "f"), noon(), key("a", &["read"]));
        let (first, second) = (twice().await.unwrap(), twice().await.unwrap());
        assert_eq!((first.replayed, second.replayed, &first.value), (false, true, &second.value));
        assert_eq!(store.api_keys(context(), 10, None).await.unwrap().items.len(), 1);
        let ensured = |id: &str| {
            store.ensure_api_key(context(), noon(), NewApiKey { id: id.to_owned(), ..key("x", &["admin"]) })
        };
        let (first, second) = (ensured("x").await.unwrap(), ensured("y").await.unwrap());
        assert_eq!((first.1, second.1), (true, false));
        assert_eq!(first.0, second.0);
        let (third, fourth) = tokio::join!(ensured("z"), ensured("w"));
        assert!(!third.unwrap().1 && !fourth.unwrap().1);
    }

    pub(crate) async fn keys_are_listed_newest_first_and_by_what_the_caller_may_see(store: &Store) {
        for id in ["a", "b", "c"] {
            make(store, id, &["read"]).await;
        }
        project(store, "p").await;
        let within = NewApiKey { project_ids: Some(vec!["p".to_owned()]), ..key("d", &["read"]) };
        store.create_api_key(context(), noon(), within).await.unwrap();
        let ids = |page: &Page<ApiKey>| page.items.iter().map(|key| key.id.clone()).collect::<Vec<_>>();
        let first = store.api_keys(context(), 3, None).await.unwrap();
        assert_eq!(ids(&first), ["d", "c", "b"]);
        let second = store.api_keys(context(), 3, first.next_cursor).await.unwrap();
        assert_eq!((ids(&second), second.next_cursor), (vec!["a".to_owned()], None));
        let restricted =
            Context { allowed_projects: Some(vec!["p".to_owned(), "q".to_owned()]), ..context() };
        assert_eq!(ids(&store.api_keys(restricted.clone(), 3, None).await.unwrap()), ["d"]);
        assert_eq!(store.api_key(restricted.clone(), "a".to_owned()).await.unwrap(), None);
        let more = store.create_api_key(restricted.clone(), noon(), key("e", &["read"])).await;
        assert!(matches!(access(more), AccessRefusal::MoreThanOwn(_)));
        let hidden = store.revoke_api_key(restricted, noon(), "a".to_owned(), false).await;
        assert!(matches!(hidden, Err(StoreError::Refused(Refusal::NotFound { .. }))));
    }

    pub(crate) async fn the_last_use_only_moves_forward(store: &Store) {
        make(store, "a", &["read"]).await;
        for (touched, expected) in [(10, 10), (5, 10), (20, 20)] {
            store
                .touch_api_keys(vec![("a".to_owned(), at(touched)), ("gone".to_owned(), at(1))])
                .await
                .unwrap();
            let key = store.api_key_by_hash("hash of a".to_owned()).await.unwrap().unwrap();
            assert_eq!((key.last_used_at, key.version), (Some(at(expected)), 1));
        }
        assert_eq!(log(store).await.len(), 1, "a use is no change");
    }

    fn session(token: &str, until: u64) -> NewSession {
        NewSession { token_hash: token.to_owned(), api_key_id: "a".to_owned(), expires_at: at(until) }
    }

    pub(crate) async fn a_session_ends_with_its_key(store: &Store) {
        make(store, "a", &["read"]).await;
        let find = |token: &str| store.session_by_hash(token.to_owned());
        for token in ["one", "two"] {
            store.sign_in(context(), at(1), session(token, 100)).await.unwrap();
        }
        assert_eq!(find("one").await.unwrap().unwrap().api_key.id, "a");
        assert!(store.sign_out(context(), at(2), "one".to_owned()).await.unwrap());
        assert!(!store.sign_out(context(), at(2), "one".to_owned()).await.unwrap());
        assert_eq!(find("one").await.unwrap(), None);
        store.revoke_api_key(context(), at(3), "a".to_owned(), false).await.unwrap();
        assert_eq!(find("two").await.unwrap(), None);
        let refused = store.sign_in(context(), at(4), session("three", 100)).await;
        assert!(matches!(refused, Err(StoreError::Refused(Refusal::NotFound { .. }))));
        let active = ApiKeyPatch { is_active: Some(true), ..ApiKeyPatch::default() };
        store.update_api_key(context(), at(5), "a".to_owned(), active, false).await.unwrap();
        store.sign_in(context(), at(6), session("three", 100)).await.unwrap();
        store.delete_api_key(context(), at(7), "a".to_owned(), false).await.unwrap();
        assert_eq!(find("three").await.unwrap(), None);
    }

    pub(crate) async fn sessions_that_are_over_make_room(store: &Store) {
        make(store, "a", &["read"]).await;
        store.sign_in(context(), at(1), session("short", 2)).await.unwrap();
        for number in 0..100 {
            store.sign_in(context(), at(3), session(&number.to_string(), 100)).await.unwrap();
        }
        assert_eq!(store.session_by_hash("short".to_owned()).await.unwrap(), None, "it was over");
        assert!(store.session_by_hash("0".to_owned()).await.unwrap().is_some());
        store.sign_in(context(), at(4), session("last", 100)).await.unwrap();
        assert_eq!(store.session_by_hash("0".to_owned()).await.unwrap(), None, "the oldest of a hundred");
        assert!(store.session_by_hash("1".to_owned()).await.unwrap().is_some());
    }

    pub(crate) async fn a_setup_link_works_once_and_only_without_an_admin_key(store: &Store) {
        let link = |hash: &str, until| NewSetupLink { token_hash: hash.to_owned(), expires_at: at(until) };
        make(store, "reader", &["read", "write"]).await;
        assert!(store.make_setup_link(context(), at(0), link("one", 60)).await.unwrap());
        assert!(store.make_setup_link(context(), at(0), link("two", 60)).await.unwrap());
        let using = |hash: &str, now, id: &str| {
            store.use_setup_link(context(), at(now), hash.to_owned(), key(id, &["admin"]))
        };
        assert_eq!(access(using("three", 1, "a").await), AccessRefusal::NoSetupLink);
        assert_eq!(access(using("one", 60, "a").await), AccessRefusal::NoSetupLink);
        let (first, second) = tokio::join!(using("one", 1, "a"), using("two", 1, "b"));
        assert_eq!([first.is_ok(), second.is_ok()].iter().filter(|done| **done).count(), 1);
        assert_eq!(access(if first.is_err() { first } else { second }), AccessRefusal::IsSetUp);
        assert!(!store.make_setup_link(context(), at(2), link("four", 60)).await.unwrap());
        let admin = store.api_keys(context(), 1, None).await.unwrap().items.remove(0).id;
        store.delete_api_key(context(), at(3), admin, true).await.unwrap();
        assert_eq!(
            access(using("two", 4, "c").await),
            AccessRefusal::NoSetupLink,
            "all links ended with the first use"
        );
    }
}
