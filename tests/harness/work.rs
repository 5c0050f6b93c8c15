//! The work that a request caused, recorded from events at the level `trace`: statements, committed units of
//! work, password hashes. Unlike the time it takes, it is the same on a busy machine.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

use super::Answer;

/// The work of one request, in order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Work {
    /// The SQL texts, without values.
    pub statements: Vec<String>,
    pub commits: usize,
    pub password_hashes: usize,
}

impl Work {
    /// The amount of work: (statements, commits, password hashes).
    pub fn amount(&self) -> (usize, usize, usize) {
        (self.statements.len(), self.commits, self.password_hashes)
    }
}

/// Records the work of every request that is served while this value exists.
///
/// One subscriber serves all tests of the process. With one for each thread, tracing would cache for all of
/// them what one of them answered about an event.
pub struct WorkLog(WorkByRequest);

/// How many logs exist. Without one, nothing is recorded.
static LOGS: AtomicUsize = AtomicUsize::new(0);

#[derive(Clone, Default)]
struct WorkByRequest(Arc<Mutex<HashMap<String, Work>>>);

impl WorkByRequest {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkLog {
    pub fn start() -> Self {
        static INSTALLED: OnceLock<WorkByRequest> = OnceLock::new();
        let by_request = INSTALLED.get_or_init(|| {
            let by_request = WorkByRequest::default();
            let wanted = filter_fn(|event| {
                matches!(event.name(), "request" | "database.statement" | "database.commit" | "password.hash")
            });
            let subscriber = tracing_subscriber::registry().with(by_request.clone().with_filter(wanted));
            tracing::subscriber::set_global_default(subscriber).expect("no other subscriber in the tests");
            by_request
        });
        LOGS.fetch_add(1, Ordering::SeqCst);
        Self(by_request.clone())
    }

    /// The work of the request that `answer` belongs to.
    pub fn of(&self, answer: &Answer) -> Work {
        self.0.lock().get(answer.header("x-request-id")).cloned().expect("a request of this server")
    }
}

impl Drop for WorkLog {
    fn drop(&mut self) {
        LOGS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Reads the value of one field by its name.
struct FieldValue {
    name: &'static str,
    value: Option<String>,
}

impl FieldValue {
    fn named(name: &'static str) -> Self {
        Self { name, value: None }
    }
}

impl Visit for FieldValue {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == self.name {
            self.value = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == self.name {
            self.value = Some(format!("{value:?}"));
        }
    }
}

/// The request id of a span.
struct RequestId(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for WorkByRequest {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if LOGS.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut request_id = FieldValue::named("request_id");
        attributes.record(&mut request_id);
        if let (Some(span), Some(request_id)) = (context.span(id), request_id.value) {
            self.lock().insert(request_id.clone(), Work::default());
            span.extensions_mut().insert(RequestId(request_id));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let request_id = context
            .event_scope(event)
            .into_iter()
            .flatten()
            .find_map(|span| span.extensions().get::<RequestId>().map(|found| found.0.clone()));
        let mut all = self.lock();
        let Some(work) = request_id.and_then(|id| all.get_mut(&id)) else { return };
        match event.metadata().name() {
            "database.statement" => {
                let mut sql = FieldValue::named("sql");
                event.record(&mut sql);
                work.statements.push(sql.value.expect("the statement's text"));
            }
            "database.commit" => work.commits += 1,
            "password.hash" => work.password_hashes += 1,
            _ => {}
        }
    }
}
