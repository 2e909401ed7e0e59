//! Who may come in: codes that work once, sessions and keys that end, members whose rows are what was recorded.

use crate::support::{START, World, ada};
use countersign_core::epoch::Epoch;
use countersign_core::id::{MemberId, TenantId};
use countersign_core::member::{Member, Role};
use countersign_core::time::Timestamp;
use countersign_ports::access::{
    ANSWER_LIVES_MS, ANSWERS_MAX, Access, ApiKey, CODES_MAX, Repeated, SESSION_IDLE_MS, SESSIONS_MAX, Scope,
    SecretHash, Session, TOKEN_OVERLAP_MS, TokenState,
};
use countersign_ports::identity::AccountLink;
use sea_orm::ConnectionTrait as _;
use std::collections::BTreeSet;
use std::sync::Arc;

const HOUR: u64 = 3_600_000;

fn name(n: u8) -> String {
    format!("cs_{n}")
}

fn secret(n: u8) -> SecretHash {
    SecretHash([n; 32])
}

/// The session whose first token is `secret(n)`.
fn session(n: u8, began: u64) -> Session {
    Session {
        id: name(n),
        member: ada().id,
        through: "browser".to_owned(),
        began_at: Timestamp(began),
        authenticated_at: Timestamp(began),
        seen_at: Timestamp(began),
        expires_at: Timestamp(began + HOUR),
    }
}

fn key(id: &str) -> ApiKey {
    ApiKey {
        id: id.to_owned(),
        name: "ci".to_owned(),
        member: ada().id,
        scopes: BTreeSet::from([Scope::Read, Scope::Submit]),
        created_at: Timestamp(START),
        expires_at: Timestamp(START + HOUR),
        used_at: None,
        revoked_at: None,
    }
}

async fn world() -> (World, Arc<dyn Access>) {
    let world = World::new().await;
    world.local().ensure_member(&ada()).await.unwrap();
    let access = world.store.access(&TenantId::local());
    (world, access)
}

#[tokio::test]
async fn a_code_works_once_and_not_after_its_time() {
    let (world, access) = world().await;
    for n in [1, 2] {
        access
            .put_code(&secret(n), &ada().id, Timestamp(START + HOUR))
            .await
            .unwrap();
    }
    assert_eq!(access.take_code(&secret(1)).await.unwrap(), Some(ada().id));
    assert_eq!(access.take_code(&secret(1)).await.unwrap(), None);
    world.clock.forward(HOUR);
    assert_eq!(access.take_code(&secret(2)).await.unwrap(), None);
}

#[tokio::test]
async fn above_the_limit_the_oldest_codes_and_sessions_go() {
    let (_world, access) = world().await;
    for n in 0..=u8::try_from(CODES_MAX).unwrap() {
        let until = Timestamp(START + HOUR + u64::from(n));
        access.put_code(&secret(n), &ada().id, until).await.unwrap();
    }
    assert_eq!(access.take_code(&secret(0)).await.unwrap(), None);
    assert!(access.take_code(&secret(1)).await.unwrap().is_some());
    for n in 0..=u8::try_from(SESSIONS_MAX).unwrap() {
        access
            .begin_session(&secret(n), &session(n, START + u64::from(n)))
            .await
            .unwrap();
    }
    assert_eq!(access.session(&secret(0)).await.unwrap(), None);
    assert!(access.session(&secret(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_session_ends_by_time_by_word_and_with_its_member() {
    let (world, access) = world().await;
    for n in [1, 2, 3] {
        access
            .begin_session(&secret(n), &session(n, START))
            .await
            .unwrap();
    }
    world.clock.forward(120_000);
    access.touch_session(&name(1)).await.unwrap();
    let found = access.session(&secret(1)).await.unwrap().unwrap().session;
    assert_eq!(found.seen_at, Timestamp(START + 120_000));
    let names = |all: Vec<Session>| all.into_iter().map(|s| s.id).collect::<Vec<_>>();
    assert_eq!(
        names(access.sessions(&ada().id).await.unwrap()),
        ["cs_1", "cs_2", "cs_3"]
    );
    assert!(access.end_session(&name(1)).await.unwrap());
    assert!(!access.end_session(&name(1)).await.unwrap() && !access.is_session(&name(1)).await.unwrap());
    assert_eq!(access.session(&secret(1)).await.unwrap(), None);
    assert_eq!(access.end_sessions(&ada().id).await.unwrap(), 2);
    access
        .begin_session(&secret(4), &session(4, START))
        .await
        .unwrap();
    world.clock.forward(HOUR);
    assert_eq!(access.session(&secret(4)).await.unwrap(), None);
}

#[tokio::test]
async fn a_session_that_nobody_uses_ends_before_its_time() {
    let (world, access) = world().await;
    let long = Session {
        expires_at: Timestamp(START + 3 * SESSION_IDLE_MS),
        ..session(1, START)
    };
    access.begin_session(&secret(1), &long).await.unwrap();
    world.clock.forward(SESSION_IDLE_MS - 1);
    access.touch_session(&name(1)).await.unwrap();
    world.clock.forward(SESSION_IDLE_MS - 1);
    assert!(access.is_session(&name(1)).await.unwrap());
    world.clock.forward(1);
    assert!(!access.is_session(&name(1)).await.unwrap());
    assert_eq!(access.session(&secret(1)).await.unwrap(), None);
    assert_eq!(access.sessions(&ada().id).await.unwrap(), []);
}

#[tokio::test]
async fn one_token_follows_another_and_both_let_in_for_half_a_minute() {
    let (world, access) = world().await;
    let state = async |n: u8| access.session(&secret(n)).await.unwrap().map(|shown| shown.state);
    access
        .begin_session(&secret(1), &session(1, START))
        .await
        .unwrap();
    assert_eq!(state(1).await, Some(TokenState::Current));
    assert!(access.rotate_session(&secret(1), &secret(2)).await.unwrap());
    assert!(
        !access.rotate_session(&secret(1), &secret(3)).await.unwrap(),
        "requests that come together get one token between them"
    );
    // Until it comes back, the old one is the one.
    world.clock.forward(10 * TOKEN_OVERLAP_MS);
    assert_eq!(
        (state(1).await, state(2).await),
        (Some(TokenState::Current), Some(TokenState::New))
    );
    access.confirm_token(&secret(2)).await.unwrap();
    assert_eq!(
        (state(1).await, state(2).await),
        (Some(TokenState::Replaced), Some(TokenState::Current))
    );
    assert!(!access.rotate_session(&secret(1), &secret(3)).await.unwrap());
    world.clock.forward(TOKEN_OVERLAP_MS - 1);
    assert!(state(1).await.is_some() && access.replaced(&secret(1)).await.unwrap().is_none());
    world.clock.forward(1);
    assert_eq!(
        (state(1).await, state(2).await),
        (None, Some(TokenState::Current))
    );
    assert_eq!(access.replaced(&secret(1)).await.unwrap(), Some(name(1)));
    assert_eq!(access.replaced(&secret(2)).await.unwrap(), None);
    assert_eq!(access.replaced(&secret(9)).await.unwrap(), None);
    assert!(access.end_session(&name(1)).await.unwrap());
    assert_eq!((state(1).await, state(2).await), (None, None));
}

#[tokio::test]
async fn a_token_that_never_arrived_is_followed_by_another() {
    let (world, access) = world().await;
    access
        .begin_session(&secret(1), &session(1, START))
        .await
        .unwrap();
    assert!(access.rotate_session(&secret(1), &secret(2)).await.unwrap());
    world.clock.forward(TOKEN_OVERLAP_MS);
    assert!(access.rotate_session(&secret(1), &secret(3)).await.unwrap());
    access.confirm_token(&secret(3)).await.unwrap();
    world.clock.forward(TOKEN_OVERLAP_MS);
    // Whoever comes with the lost one has taken it from its way.
    for n in [1, 2] {
        assert_eq!(access.session(&secret(n)).await.unwrap(), None);
        assert_eq!(access.replaced(&secret(n)).await.unwrap(), Some(name(1)));
    }
    assert!(access.session(&secret(3)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_sign_in_at_a_provider_is_taken_once_and_not_after_its_time() {
    let (world, access) = world().await;
    let until = Timestamp(START + HOUR);
    for n in [1, 2] {
        access.begin_sign_in(&secret(n), "/here", until).await.unwrap();
    }
    assert_eq!(
        access.take_sign_in(&secret(1)).await.unwrap().as_deref(),
        Some("/here")
    );
    assert_eq!(access.take_sign_in(&secret(1)).await.unwrap(), None);
    world.clock.forward(HOUR);
    assert_eq!(access.take_sign_in(&secret(2)).await.unwrap(), None);
}

#[tokio::test]
async fn an_account_is_the_members_whom_the_ledger_names() {
    let (world, _) = world().await;
    let local = world.local();
    let link = |account, login: Option<&str>, member: &Member| AccountLink {
        v: AccountLink::VERSION,
        member: member.id.clone(),
        account,
        login: login.map(str::to_owned),
    };
    let bob = Member {
        id: MemberId::parse("mb_bob").unwrap(),
        person: "bob".to_owned(),
        name: "Bob".to_owned(),
        role: Role::Viewer,
        active: true,
    };
    local
        .link_account(&link(7, Some("bob"), &bob), Some(&bob))
        .await
        .unwrap();
    assert!(local.roster().await.unwrap().members.contains(&bob));
    let size = local.ledger_size().await.unwrap();
    local
        .link_account(&link(7, Some("bob"), &bob), Some(&bob))
        .await
        .unwrap();
    assert_eq!(local.ledger_size().await.unwrap(), size, "the same again");
    let taken = local.link_account(&link(7, Some("eve"), &ada()), None).await;
    assert_eq!(taken.unwrap_err().code(), "account-taken");
    let renamed = local.link_account(&link(8, Some("bob"), &ada()), None).await;
    assert_eq!(renamed.unwrap_err().code(), "account-other");

    // An owner names numbers: one account each, and the newest counts.
    local.link_account(&link(9, None, &bob), None).await.unwrap();
    local.link_account(&link(7, None, &ada()), None).await.unwrap();
    let links = local.account_links().await.unwrap();
    assert_eq!(
        (links.member_of(7), links.member_of(9)),
        (Some(&ada().id), Some(&bob.id))
    );
    assert_eq!(
        (links.account_of(&bob.id), links.named("bob")),
        (Some(9), Some(7))
    );
}

#[tokio::test]
async fn a_key_is_found_used_and_taken_back() {
    let (world, access) = world().await;
    access.add_key(&secret(9), &key("k1")).await.unwrap();
    world.clock.forward(1_000);
    access.touch_key("k1").await.unwrap();
    let (hash, found) = access.key("k1").await.unwrap().unwrap();
    assert!(hash == secret(9) && found.used_at == Some(Timestamp(START + 1_000)));
    access.revoke_key("k1").await.unwrap();
    access.revoke_key("k1").await.unwrap();
    assert_eq!(
        access.keys().await.unwrap()[0].revoked_at,
        Some(Timestamp(START + 1_000))
    );
    assert_eq!(access.revoke_key("k2").await.unwrap_err().code(), "not-found");
}

#[tokio::test]
async fn a_repeated_call_is_known_by_its_key_and_its_words() {
    let (_world, access) = world().await;
    let call = |key: &'static str, words| {
        let access = access.clone();
        async move {
            access
                .remember("person:ada", key, &secret(words), "made")
                .await
                .unwrap()
        }
    };
    assert_eq!(call("k", 1).await, Repeated::First);
    assert_eq!(call("k", 1).await, Repeated::Same("made".to_owned()));
    assert_eq!(call("k", 2).await, Repeated::Other);
    assert_eq!(call("l", 2).await, Repeated::First);
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_and_a_refused_call_is_forgotten() {
    let (world, access) = world().await;
    let (caller, key) = ("person:ada", "k");
    let begin = |words| {
        let access = access.clone();
        async move {
            access
                .begin_call(caller, key, &secret(words), "begun")
                .await
                .unwrap()
        }
    };
    assert_eq!(begin(1).await, Repeated::First);
    assert_eq!(begin(1).await, Repeated::Same("begun".to_owned()));
    access.end_call(caller, key, None).await.unwrap();
    assert_eq!(begin(2).await, Repeated::First);
    access.end_call(caller, key, Some("201 made")).await.unwrap();
    world.clock.forward(ANSWER_LIVES_MS - 1);
    assert_eq!(begin(2).await, Repeated::Same("201 made".to_owned()));
    assert_eq!(begin(1).await, Repeated::Other);
    world.clock.forward(1);
    assert_eq!(begin(1).await, Repeated::First, "a day is over");
}

#[tokio::test]
async fn only_so_many_answers_are_kept_and_started_workflows_stay_known() {
    let (_world, access) = world().await;
    let caller = "person:ada";
    access
        .remember(caller, "started", &secret(1), "wf in")
        .await
        .unwrap();
    for n in 0..=ANSWERS_MAX {
        let key = format!("k{n}");
        access
            .begin_call(caller, &key, &secret(1), "begun")
            .await
            .unwrap();
    }
    let same = secret(1);
    let again = |key: &'static str| access.begin_call(caller, key, &same, "begun");
    assert_eq!(again("k1").await.unwrap(), Repeated::Same("begun".to_owned()));
    assert_eq!(again("k0").await.unwrap(), Repeated::First, "the oldest one went");
    assert_eq!(
        access
            .remember(caller, "started", &secret(1), "other")
            .await
            .unwrap(),
        Repeated::Same("wf in".to_owned())
    );
}

#[tokio::test]
async fn a_new_epoch_lets_nobody_in_who_was_let_in_before() {
    let (world, access) = world().await;
    let tenant = TenantId::local();
    world.store.begin_first_epoch(&tenant, "here").await.unwrap();
    access
        .put_code(&secret(1), &ada().id, Timestamp(START + HOUR))
        .await
        .unwrap();
    access
        .begin_session(&secret(2), &session(2, START))
        .await
        .unwrap();
    access.add_key(&secret(3), &key("k1")).await.unwrap();
    let (size, _) = world.local().ledger_size().await.unwrap();
    let next = Epoch {
        epoch: 2,
        previous: Some(1),
        entries: size,
        ..Epoch::first(size, "there")
    };
    world.store.begin_epoch(&tenant, &next).await.unwrap();
    assert_eq!(access.take_code(&secret(1)).await.unwrap(), None);
    assert_eq!(access.session(&secret(2)).await.unwrap(), None);
    assert!(access.keys().await.unwrap()[0].revoked_at.is_some());
}

#[tokio::test]
async fn a_member_changes_by_a_fact_and_never_by_a_row() {
    let (world, _) = world().await;
    let local = world.local();
    let bob = Member {
        id: MemberId::parse("mb_bob").unwrap(),
        person: "bob".to_owned(),
        name: "Bob".to_owned(),
        role: Role::Viewer,
        active: true,
    };
    assert_eq!(local.change_member(&bob).await.unwrap_err().code(), "not-found");
    local.ensure_member(&bob).await.unwrap();
    let demoted = Member {
        role: Role::Reviewer,
        ..ada()
    };
    assert_eq!(
        local.change_member(&demoted).await.unwrap_err().code(),
        "last-owner"
    );
    let owner = Member {
        role: Role::Owner,
        ..bob.clone()
    };
    local.change_member(&owner).await.unwrap();
    local.change_member(&demoted).await.unwrap();
    let roster = local.roster().await.unwrap();
    assert_eq!(
        (roster.members[0].role, roster.members[1].role),
        (Role::Reviewer, Role::Owner)
    );
    let before = local.ledger_size().await.unwrap();
    local.change_member(&demoted).await.unwrap();
    assert_eq!(local.ledger_size().await.unwrap(), before, "nothing is different");

    // A row that is put back to what was true once is a forgery, too.
    let db = sea_orm::Database::connect(format!("sqlite://{}", world.file().display()))
        .await
        .unwrap();
    db.execute_unprepared("UPDATE members SET role = 'owner' WHERE id = 'mb_ada'")
        .await
        .unwrap();
    assert_eq!(local.roster().await.unwrap_err().code(), "data-damaged");
}
