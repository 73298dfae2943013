//! The simulator on its own: what links do to bytes, and that a machine that breaks its contract is found out.

mod contract;
mod datagrams;
mod links;
mod runner;
