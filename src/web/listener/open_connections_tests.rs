use std::time::Duration;

use tokio::task::JoinSet;

use super::*;

/// Connections whose tasks never end on their own.
struct World {
    tasks: JoinSet<()>,
    open: OpenConnections,
}

impl World {
    fn new(connections: usize, per_address: usize) -> Self {
        let (head_timeout, idle_timeout) = (Duration::from_secs(10), Duration::from_secs(75));
        let proxy_idle_timeout = Duration::from_hours(1);
        let limits =
            ConnectionLimits { connections, per_address, head_timeout, idle_timeout, proxy_idle_timeout };
        Self { tasks: JoinSet::new(), open: OpenConnections::new(limits) }
    }

    fn add(&mut self, client: Client) -> Arc<ConnectionActivity> {
        let activity = Arc::new(ConnectionActivity::new(client.is_none()));
        let task = self.tasks.spawn(std::future::pending());
        self.open.add(client, activity.clone(), task);
        activity
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a trusted proxy is `None`")]
fn client(last: u8) -> Client {
    Some([192, 0, 2, last].into())
}

fn is_closed(activity: &ConnectionActivity) -> bool {
    !is_waiting(activity) && !activity.begin_request()
}

fn is_waiting(activity: &ConnectionActivity) -> bool {
    let limits = World::new(1, 1).open.limits;
    activity.waits_since(&limits).is_some()
}

/// The client has taken the whole response.
fn answer(activity: &ConnectionActivity) {
    activity.begin_response();
    activity.end_response();
    activity.bytes_flushed();
}

#[tokio::test]
async fn the_one_that_waits_for_longest_makes_room() {
    let mut world = World::new(3, 3);
    let first = world.add(client(1));
    let second = world.add(client(2));
    let third = world.add(client(3));
    // The first has just been answered, so the second waits for longest.
    assert!(first.begin_request());
    answer(&first);
    assert!(world.open.make_room(client(4)));
    assert!(is_closed(&second));
    assert!(is_waiting(&third) && is_waiting(&first));
}

#[tokio::test]
async fn a_request_in_progress_is_not_ended_for_another_connection() {
    let mut world = World::new(2, 2);
    let (first, second) = (world.add(client(1)), world.add(client(2)));
    assert!(first.begin_request() && second.begin_request());
    assert!(!world.open.make_room(client(3)));
    answer(&second);
    assert!(world.open.make_room(client(3)));
    assert!(is_closed(&second) && !first.close(&world.open.limits));
}

#[tokio::test]
async fn an_address_makes_room_in_its_own_share() {
    let mut world = World::new(100, 2);
    let other = world.add(client(9));
    let (first, second) = (world.add(client(1)), world.add(client(1)));
    assert!(first.begin_request());
    assert!(world.open.make_room(client(1)));
    assert!(is_closed(&second) && is_waiting(&other));
    let third = world.add(client(1));
    assert!(third.begin_request());
    assert!(!world.open.make_room(client(1)), "both have a request in progress");
    assert!(world.open.make_room(client(2)));
}

#[tokio::test]
async fn trusted_proxies_have_no_share_and_are_closed_last() {
    let mut world = World::new(4, 1);
    let proxies: Vec<_> = (0..3).map(|_| world.add(None)).collect();
    let stranger = world.add(client(1));
    assert!(world.open.make_room(None));
    assert!(is_closed(&stranger), "although the proxy's wait for longer");
    assert!(proxies.iter().all(|proxy| is_waiting(proxy)));
    world.add(None);
    assert!(world.open.make_room(client(1)));
    assert!(is_closed(&proxies[0]));
}

#[tokio::test]
async fn no_proxy_is_closed_along_with_others() {
    let mut world = World::new(40, 40);
    let proxies: Vec<_> = (0..38).map(|_| world.add(None)).collect();
    let (first, second) = (world.add(client(1)), world.add(client(2)));
    // Three of forty would be closed at once.
    assert!(world.open.make_room(client(3)));
    assert!(is_closed(&first) && is_closed(&second));
    assert!(proxies.iter().all(|proxy| is_waiting(proxy)));
}

#[tokio::test]
async fn what_has_ended_is_forgotten() {
    let mut world = World::new(100, 1);
    for _ in 0..1_000 {
        assert!(world.open.make_room(client(1)));
        world.add(client(1));
        let ended = *world.open.by_task.keys().next().expect("one");
        world.open.remove(ended);
        world.open.remove(ended);
    }
    assert!(world.open.by_task.is_empty() && world.open.per_client.is_empty());
}

#[tokio::test]
async fn what_is_overdue_is_closed() {
    let mut world = World::new(100, 100);
    let mut limits = world.open.limits.clone();
    let (head, busy, idle) = (world.add(client(1)), world.add(client(2)), world.add(client(3)));
    assert!(busy.begin_request() && idle.begin_request());
    answer(&idle);
    world.open.close_overdue();
    assert_eq!(world.open.by_task.len(), 3, "nothing is overdue");
    limits.head_timeout = Duration::ZERO;
    world.open.limits = limits.clone();
    world.open.close_overdue();
    assert!(is_closed(&head) && world.open.by_task.len() == 2);
    // What comes in while a response goes out begins no head.
    idle.bytes_received();
    idle.bytes_sent();
    world.open.close_overdue();
    assert!(is_waiting(&idle) && world.open.by_task.len() == 2);
    // The first byte of the next request does.
    idle.bytes_received();
    world.open.close_overdue();
    assert!(is_closed(&idle) && world.open.by_task.len() == 1);
    limits.idle_timeout = Duration::ZERO;
    world.open.limits = limits;
    world.open.close_overdue();
    assert!(!busy.close(&world.open.limits), "a request in progress has a limit of its own");
    answer(&busy);
    world.open.close_overdue();
    assert!(is_closed(&busy) && world.open.by_task.is_empty());
}
