//! Notices over the real store and real workflows, to places that do as they are told, on a clock that the tests move.

use crate::house::House;
use async_trait::async_trait;
use countersign_core::notice::permit::NoticePermit;
use countersign_core::notice::rendering::Letter;
use countersign_core::notice::{NoticeStanding, Place, PlaceForm, PlaceId, Template};
use countersign_core::workflow::State;
use countersign_engine::Step;
use countersign_engine::notices::{Looked, Notices};
use countersign_ports::notice::{Delivery, Notifier, Wrong};
use countersign_ports::store::{Alarm, Clock as _};
use std::sync::{Arc, Mutex};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// A place that keeps what it gets and answers what it is told to.
struct Told {
    place: Place,
    house: Arc<House>,
    letters: Mutex<Vec<Letter>>,
    answer: Mutex<Delivery>,
}

impl Told {
    fn new(house: &Arc<House>, form: PlaceForm) -> Arc<Self> {
        let place = Place {
            id: PlaceId::of(form, "somewhere"),
            form,
            shown: "s…".to_owned(),
            wants: form.wants(),
        };
        Arc::new(Self {
            place,
            house: Arc::clone(house),
            letters: Mutex::default(),
            answer: Mutex::new(Delivery::Delivered),
        })
    }

    fn answers(&self, delivery: fn(Wrong) -> Delivery) {
        let (code, message) = ("told-so".to_owned(), "the test says so".to_owned());
        *self.answer.lock().unwrap() = delivery(Wrong { code, message });
    }

    fn subjects(&self) -> Vec<String> {
        self.letters.lock().unwrap().iter().map(Letter::subject).collect()
    }

    fn ids(&self) -> Vec<String> {
        self.letters
            .lock()
            .unwrap()
            .iter()
            .map(|l| l.id().to_string())
            .collect()
    }
}

#[async_trait]
impl Notifier for Told {
    fn place(&self) -> &Place {
        &self.place
    }

    async fn deliver(&self, permit: NoticePermit) -> Delivery {
        let letter = permit.redeem(&self.place.id, self.house.clock.now()).unwrap();
        self.letters.lock().unwrap().push(letter);
        self.answer.lock().unwrap().clone()
    }
}

fn notices(house: &House, places: &[&Arc<Told>]) -> Notices {
    let notifier = |told: &&Arc<Told>| Arc::clone(*told) as Arc<dyn Notifier>;
    Notices {
        clock: house.ports.store.clone(),
        store: house.store.clone(),
        outbox: house.outbox.clone(),
        notifiers: places.iter().map(notifier).collect(),
        looked: Looked::default(),
    }
}

/// Looks and sends until nothing is left to do now.
async fn settle(notices: &Notices) {
    while notices.look().await.unwrap() == Step::Worked {}
    for notifier in &notices.notifiers {
        while notices.deliver_next(notifier).await.unwrap() == Step::Worked {}
    }
}

async fn house() -> Arc<House> {
    Arc::new(House::new().await)
}

async fn standings(house: &House) -> Vec<NoticeStanding> {
    let rows = house.outbox.list(100).await.unwrap();
    rows.iter().map(|row| row.standing).collect()
}

/// Entries of the ledger about notices.
async fn facts(house: &House) -> usize {
    house
        .store
        .entries(Some("notices"), 0, 1_000)
        .await
        .unwrap()
        .len()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_place_is_told_once_of_what_opens_and_ends_and_in_its_own_way() {
    let house = house().await;
    let before = house.start().await;
    house.approve_all(&before).await;
    let (mail, hook) = (
        Told::new(&house, PlaceForm::Mail),
        Told::new(&house, PlaceForm::Signed),
    );
    let all = notices(&house, &[&mail, &hook]);
    all.start().await.unwrap();
    settle(&all).await;
    assert!(mail.subjects().is_empty(), "what was before is no news");

    let id = house.start().await;
    settle(&all).await;
    settle(&all).await;
    assert_eq!(
        (mail.subjects().len(), hook.subjects().len()),
        (2, 2),
        "a request per repository"
    );
    house.approve_all(&id).await;
    assert_eq!(house.load(&id).await.state, State::Done);
    settle(&all).await;
    assert_eq!((mail.subjects().len(), hook.subjects().len()), (2, 3));
    assert!(hook.subjects()[2].ends_with("ended as Done"));
    assert_eq!(facts(&house).await, 5);

    house.pass(2 * DAY);
    settle(&all).await;
    settle(&all).await;
    assert!(
        mail.subjects()[2].contains("1 workflow ended since yesterday"),
        "{:?}",
        mail.subjects()
    );
    let of_digest = |s: &String| s.contains("since yesterday");
    assert_eq!(mail.subjects().iter().filter(|s| of_digest(s)).count(), 1);
    assert!(
        !hook.subjects().iter().any(of_digest),
        "a program hears of ends at once"
    );
    house.pass(DAY);
    settle(&all).await;
    assert_eq!(
        mail.subjects().iter().filter(|s| of_digest(s)).count(),
        1,
        "nothing ended since"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_decided_before_anybody_was_told_is_no_news() {
    let house = house().await;
    let mail = Told::new(&house, PlaceForm::Mail);
    let all = notices(&house, &[&mail]);
    all.start().await.unwrap();
    let id = house.start().await;
    house.approve_all(&id).await;
    settle(&all).await;
    assert_eq!(mail.subjects(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_decided_is_warned_once_before_the_request_runs_out() {
    let house = house().await;
    let mail = Told::new(&house, PlaceForm::Mail);
    let all = notices(&house, &[&mail]);
    all.start().await.unwrap();
    let id = house.start().await;
    settle(&all).await;
    let soon = || {
        mail.subjects()
            .iter()
            .filter(|s| s.ends_with("runs out soon"))
            .count()
    };
    house.pass(5 * DAY);
    settle(&all).await;
    assert_eq!(soon(), 0);
    let approvals = house.approvals(&id).await;
    house.act(&id, approvals[0].clone()).await;
    house.pass(DAY + HOUR);
    settle(&all).await;
    settle(&all).await;
    assert_eq!(soon(), 1, "the other one is decided: {:?}", mail.subjects());
    // Another process, which remembers nothing.
    settle(&notices(&house, &[&mail])).await;
    assert_eq!(soon(), 1);
    house.pass(DAY);
    house.run().await;
    settle(&all).await;
    assert_eq!(soon(), 1);
}

/// INV-7: a process that dies in a try leaves an unknown outcome; only who knows repetitions by their id gets another.
#[tokio::test(flavor = "multi_thread")]
async fn a_try_whose_process_died_is_unknown_and_repeated_only_under_the_same_id() {
    let house = house().await;
    let (mail, hook) = (
        Told::new(&house, PlaceForm::Mail),
        Told::new(&house, PlaceForm::Signed),
    );
    let all = notices(&house, &[&mail, &hook]);
    all.start().await.unwrap();
    house
        .store
        .raise(&Alarm::new("forged", &house.start().await, "words".to_owned()))
        .await
        .unwrap();
    while all.look().await.unwrap() == Step::Worked {}
    // The tries are recorded, and then nothing is heard of them any more.
    let mut begun = 0;
    for told in [&mail, &hook] {
        while house.outbox.claim(&told.place.id).await.unwrap().is_some() {
            begun += 1;
        }
    }
    assert_eq!(begun, 6, "two requests and an alarm each");

    let again = notices(&house, &[&mail, &hook]);
    again.start().await.unwrap();
    house.pass(HOUR);
    settle(&again).await;
    settle(&again).await;
    assert_eq!((mail.subjects().len(), hook.subjects().len()), (0, 3));
    let count = |standings: &[NoticeStanding], wanted| standings.iter().filter(|s| **s == wanted).count();
    let standings = standings(&house).await;
    assert_eq!(count(&standings, NoticeStanding::Unknown), 3);
    assert_eq!(count(&standings, NoticeStanding::Delivered), 3);
    let rows = house.outbox.list(100).await.unwrap();
    let mut told = hook.ids();
    told.sort();
    told.dedup();
    assert!(
        told.len() == 3
            && told
                .iter()
                .all(|id| rows.iter().any(|r| r.id.as_str() == id && r.attempts == 2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_and_given_up_in_the_end_and_what_is_refused_is_not() {
    let house = house().await;
    let (mail, hook) = (
        Told::new(&house, PlaceForm::Mail),
        Told::new(&house, PlaceForm::Signed),
    );
    let all = notices(&house, &[&mail, &hook]);
    all.start().await.unwrap();
    mail.answers(Delivery::Refused);
    hook.answers(Delivery::Failed);
    house.start().await;
    settle(&all).await;
    assert_eq!((mail.subjects().len(), hook.subjects().len()), (2, 2));
    for _ in 0..40 {
        house.pass(HOUR);
        settle(&all).await;
    }
    let tries = hook.ids();
    assert_eq!(mail.subjects().len(), 2, "what is refused is not tried again");
    assert!(tries.len() > 8, "{}", tries.len());
    let rows = house.outbox.list(100).await.unwrap();
    let opened =
        |row: &&countersign_ports::notice::NoticeRow| row.notice.template() == Template::RequestOpened;
    for row in rows.iter().filter(opened) {
        let wanted = match row.place.form() {
            PlaceForm::Mail => NoticeStanding::Refused,
            PlaceForm::Signed | PlaceForm::Slack | PlaceForm::Comments => NoticeStanding::GivenUp,
        };
        assert_eq!((row.standing, row.code.as_deref()), (wanted, Some("told-so")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_rate_notices_wait_and_none_is_lost() {
    let house = house().await;
    let mail = Told::new(&house, PlaceForm::Mail);
    let all = notices(&house, &[&mail]);
    all.start().await.unwrap();
    let id = house.start().await;
    let most = usize::try_from(PlaceForm::Mail.tries_per_hour_max()).unwrap();
    for n in 0..most {
        let alarm = Alarm::new("forged", &id, format!("number {n}"));
        house.store.raise(&alarm).await.unwrap();
    }
    settle(&all).await;
    assert_eq!(mail.subjects().len(), most);
    house.pass(2 * HOUR);
    settle(&all).await;
    assert_eq!(mail.subjects().len(), most + 2, "two requests and the alarms");
    let mut ids = mail.ids();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), most + 2, "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_place_is_left_what_waits_is_given_up_and_a_later_start_is_at_the_present() {
    let house = house().await;
    let mail = Told::new(&house, PlaceForm::Mail);
    let all = notices(&house, &[&mail]);
    all.start().await.unwrap();
    let id = house.start().await;
    while all.look().await.unwrap() == Step::Worked {}
    notices(&house, &[]).start().await.unwrap();
    assert_eq!(standings(&house).await, [NoticeStanding::GivenUp; 2]);
    house.approve_all(&id).await;
    house.start().await;
    all.start().await.unwrap();
    settle(&all).await;
    assert_eq!(mail.subjects(), Vec::<String>::new());
    let tried = all.try_out().await.unwrap();
    assert_eq!((tried.len(), &tried[0].1), (1, &Delivery::Delivered));
    assert_eq!(mail.subjects(), ["[Countersign] A test: notices arrive here"]);
}
