//! The command line and the socket: what people are shown, and what they are told when something is wrong.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod author;
mod charter;
mod commands;
mod export;
mod journal;
mod policies;
mod replay;
mod socket;
mod story;
mod views;
