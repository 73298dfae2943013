//! Runs sealock protocols on blocking sockets and threads.
#![forbid(unsafe_code)]
