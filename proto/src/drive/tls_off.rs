//! Stands in for `tls.rs` without the feature `tls`: types without values, so that the loop has no `cfg` and no cost.

use super::receiver::Read;
use super::{DriveError, ReadIo, WriteIo};
use crate::buf::{RxBuf, TxBuf};
use core::task::{Context, Poll};

pub(super) enum TlsReader {}

impl TlsReader {
    pub(super) fn poll_read<I: ReadIo, P>(
        &mut self,
        _: &mut I,
        _: &mut Context<'_>,
        _: &mut RxBuf,
        _: usize,
    ) -> Poll<Result<Read, DriveError<P, I::Error>>> {
        match *self {}
    }

    pub(super) const fn has_more(&self) -> bool {
        match *self {}
    }

    pub(super) const fn take_opened(&mut self) -> bool {
        match *self {}
    }

    pub(super) fn capacity(&self) -> usize {
        match *self {}
    }

    pub(super) fn release(&mut self) {
        match *self {}
    }
}

pub(super) enum TlsWriter {}

impl TlsWriter {
    pub(super) fn poll_write<W: WriteIo>(
        &mut self,
        _: &mut TxBuf,
        _: &mut W,
        _: &mut Context<'_>,
    ) -> Poll<Result<usize, W::Error>> {
        match *self {}
    }

    pub(super) fn has_records(&self) -> bool {
        match *self {}
    }

    pub(super) fn queued(&self) -> usize {
        match *self {}
    }

    pub(super) fn end(&mut self) {
        match *self {}
    }

    pub(super) const fn has_ended(&self) -> bool {
        match *self {}
    }

    pub(super) fn capacity(&self) -> usize {
        match *self {}
    }

    pub(super) fn release(&mut self) {
        match *self {}
    }
}
