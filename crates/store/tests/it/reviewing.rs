//! What a person keeps while reviewing: their own, in one workflow, and bounded.

use crate::support::{World, ada};
use countersign_core::digest::BodyHash;
use countersign_core::id::{MemberId, RepositoryId, Revision, TenantId, WorkflowId};
use countersign_core::line_comment::{CommentSide, LineComment};
use countersign_core::time::Timestamp;
use countersign_ports::reviewing::{ChangedFile, DRAFT_COMMENTS_MAX, DraftComment, Reviewing, VIEWED_MAX};

fn file(content: &str) -> ChangedFile {
    ChangedFile {
        repository: RepositoryId::local(1),
        change: BodyHash::of_bytes(content.as_bytes()),
    }
}

async fn marked(reviewing: &dyn Reviewing, member: &MemberId, workflow: &WorkflowId) -> Vec<ChangedFile> {
    let all = reviewing.viewed(member, workflow).await.unwrap();
    all.into_iter().map(|mark| mark.file).collect()
}

#[tokio::test]
async fn a_mark_is_of_one_member_in_one_workflow_of_one_tenant() {
    let world = World::new().await;
    let other = TenantId::parse("other").unwrap();
    world.store.ensure_tenant(&other).await.unwrap();
    let workflow = world.started(1).await.id;
    let second = world.started(2).await.id;
    let (mine, theirs) = (
        world.store.reviewing(&TenantId::local()),
        world.store.reviewing(&other),
    );
    let ada = ada().id;
    let bob = MemberId::parse("mb_bob").unwrap();
    for content in ["a", "b", "a"] {
        mine.mark_viewed(&ada, &workflow, &file(content), Revision(1))
            .await
            .unwrap();
    }
    assert_eq!(
        marked(mine.as_ref(), &ada, &workflow).await.len(),
        2,
        "again changes nothing"
    );
    assert!(marked(mine.as_ref(), &ada, &second).await.is_empty());
    assert!(marked(mine.as_ref(), &bob, &workflow).await.is_empty());
    assert!(marked(theirs.as_ref(), &ada, &workflow).await.is_empty());
    mine.unmark_viewed(&bob, &workflow, &file("a")).await.unwrap();
    theirs.unmark_viewed(&ada, &workflow, &file("a")).await.unwrap();
    assert_eq!(marked(mine.as_ref(), &ada, &workflow).await.len(), 2);
    mine.unmark_viewed(&ada, &workflow, &file("a")).await.unwrap();
    assert_eq!(marked(mine.as_ref(), &ada, &workflow).await, [file("b")]);
    let nowhere = theirs.mark_viewed(&ada, &workflow, &file("a"), Revision(1)).await;
    assert!(nowhere.is_err(), "the workflow is not theirs");
}

#[tokio::test]
async fn of_too_many_marks_the_oldest_goes() {
    let world = World::new().await;
    let workflow = world.started(1).await.id;
    let ada = ada().id;
    let fill = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {VIEWED_MAX})
         INSERT INTO viewed_files SELECT 'local', '{ada}', '{workflow}', 'local-1', printf('%064x', i), 1, i FROM n"
    );
    world.sql(&fill).await.unwrap();
    let mine = world.store.reviewing(&TenantId::local());
    mine.mark_viewed(&ada, &workflow, &file("new"), Revision(2))
        .await
        .unwrap();
    let all = mine.viewed(&ada, &workflow).await.unwrap();
    assert_eq!(all.len(), VIEWED_MAX as usize);
    assert_eq!(all[0].at.0, 2, "the one of 1 is gone");
    assert_eq!(
        (&all[all.len() - 1].file, all[all.len() - 1].revision),
        (&file("new"), Revision(2))
    );
}

fn draft(id: &str, workflow: &WorkflowId, text: &str) -> DraftComment {
    DraftComment {
        id: id.to_owned(),
        workflow: workflow.clone(),
        revision: Revision(1),
        comment: LineComment {
            repository: RepositoryId::local(1),
            path: "a.rs".into(),
            side: CommentSide::Old,
            first: 3,
            last: 4,
            text: text.to_owned(),
        },
        at: Timestamp(7),
    }
}

#[tokio::test]
async fn a_draft_is_its_authors_alone_until_it_is_dropped_and_there_are_only_so_many() {
    let world = World::new().await;
    let workflow = world.started(1).await.id;
    let (mine, ada) = (world.store.reviewing(&TenantId::local()), ada().id);
    let bob = MemberId::parse("mb_bob").unwrap();
    let first = draft("cm_1", &workflow, "Why?");
    mine.put_draft_comment(&ada, &first).await.unwrap();
    let other = draft("cm_1", &workflow, "Why not?");
    mine.put_draft_comment(&ada, &other).await.unwrap();
    assert_eq!(
        mine.draft_comments(&ada, &workflow).await.unwrap(),
        std::slice::from_ref(&other)
    );
    assert_eq!(mine.draft_comment(&bob, "cm_1").await.unwrap(), None);
    assert!(
        mine.put_draft_comment(&bob, &first).await.is_err(),
        "the id is taken"
    );
    mine.drop_draft_comments(&bob, &["cm_1".to_owned()])
        .await
        .unwrap();
    assert_eq!(mine.draft_comment(&ada, "cm_1").await.unwrap(), Some(other));
    for n in 2..=DRAFT_COMMENTS_MAX {
        mine.put_draft_comment(&ada, &draft(&format!("cm_{n}"), &workflow, "x"))
            .await
            .unwrap();
    }
    let more = mine
        .put_draft_comment(&ada, &draft("cm_more", &workflow, "x"))
        .await;
    assert_eq!(more.unwrap_err().code(), "too-many-comments");
    mine.put_draft_comment(&bob, &draft("cm_more", &workflow, "x"))
        .await
        .unwrap();
    mine.drop_draft_comments(&ada, &["cm_1".to_owned(), "cm_2".to_owned()])
        .await
        .unwrap();
    let left = mine.draft_comments(&ada, &workflow).await.unwrap();
    assert_eq!(
        (left.len() as u32, left[0].id.as_str()),
        (DRAFT_COMMENTS_MAX - 2, "cm_3")
    );
}
