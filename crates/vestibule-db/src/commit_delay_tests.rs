use super::CommitTime::{Later, Now};
use super::*;

#[test]
fn a_commit_waits_only_for_those_who_are_known_to_come() {
    for (awaited, is_full, expected, decision, why) in [
        (1, false, 0, Now, "no other is to come"),
        (1, false, 3, Now, "three are too few to wait for"),
        (1, false, 4, Later, "four are worth a wait"),
        (3, false, 4, Later, "one of four is missing"),
        (4, false, 4, Now, "all who were to come are there"),
        (7, false, 100, Later, "eight share most of what there is to share"),
        (8, false, 100, Now, "and more do not wait"),
        (1, true, 100, Now, "there is no room for more"),
        (0, false, 4, Later, "it is not waited for"),
        (0, false, 3, Now, "it is not waited for, and no other comes that would commit it"),
    ] {
        let mut delay = CommitDelay::new(Duration::ZERO);
        assert_eq!(delay.decide(OpenTransaction { awaited, is_full, expected }), decision, "{why}");
    }
}

/// The number of commits in a row that do not wait.
fn skipped(delay: &mut CommitDelay) -> usize {
    let alone = OpenTransaction { awaited: 1, is_full: false, expected: 4 };
    std::iter::repeat_with(|| delay.decide(alone)).take_while(|decision| *decision == Now).count()
}

#[test]
fn after_a_delay_in_vain_twice_as_many_commits_do_not_wait() {
    let mut delay = CommitDelay::new(Duration::ZERO);
    assert_eq!(skipped(&mut delay), 0);
    for skips in [1, 2, 4, 8, 16, 32, 64, 64] {
        delay.record_expired(1);
        assert_eq!(skipped(&mut delay), skips);
    }
    // Two units of work shared a commit: the next commit waits again, and after a delay in vain one commit
    // does not.
    delay.decide(OpenTransaction { awaited: 2, is_full: false, expected: 4 });
    assert_eq!(skipped(&mut delay), 0);
    delay.record_expired(1);
    assert_eq!(skipped(&mut delay), 1);
}

#[test]
fn a_delay_that_others_joined_or_that_none_waited_for_teaches_nothing() {
    let mut delay = CommitDelay::new(Duration::ZERO);
    for awaited in [0, 2, 5] {
        delay.record_expired(awaited);
        assert_eq!(skipped(&mut delay), 0, "{awaited}");
    }
}

#[test]
fn what_is_not_waited_for_does_not_use_up_the_commits_that_skip() {
    let mut delay = CommitDelay::new(Duration::ZERO);
    delay.record_expired(1);
    let left = OpenTransaction { awaited: 0, is_full: false, expected: 4 };
    assert_eq!(delay.decide(left), Later);
    assert_eq!(skipped(&mut delay), 1);
}
