//! The contestants that are not sealock, each used in its ordinary good way.

pub(crate) mod framed;
pub(crate) mod libp2p;
pub(crate) mod quinn;
pub(crate) mod raw;
pub(crate) mod rustls;
pub(crate) mod snow;

/// Blocks on a runtime of this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    ::tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}
