//! A response's body that reports its end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use hyper::body::{Frame, SizeHint};

use super::activity::ConnectionActivity;

/// A body that notes in its connection's activity when it is made and when it is dropped, which hyper does
/// once it has all of it.
pub(super) struct ObservedBody {
    body: Body,
    activity: Arc<ConnectionActivity>,
}

impl ObservedBody {
    pub(super) fn new(body: Body, activity: Arc<ConnectionActivity>) -> Self {
        activity.begin_response();
        Self { body, activity }
    }
}

impl Drop for ObservedBody {
    fn drop(&mut self) {
        self.activity.end_response();
    }
}

impl hyper::body::Body for ObservedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
