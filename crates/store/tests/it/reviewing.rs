//! Marks of viewed files: one person's own, in one workflow, and bounded.

use crate::support::{World, ada};
use countersign_core::digest::BodyHash;
use countersign_core::id::{MemberId, RepositoryId, Revision, TenantId, WorkflowId};
use countersign_ports::reviewing::{ChangedFile, Reviewing, VIEWED_MAX};

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
