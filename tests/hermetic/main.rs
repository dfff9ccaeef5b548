//! The hermetic suite: one binary, no network but loopback, nothing installed.

mod advice;
mod amended;
mod approvers;
mod brain;
mod checkpoints;
mod cli;
mod clock;
mod converging;
mod crash;
mod decide;
mod doctor;
mod engine;
mod hang;
mod journal;
mod misbehaving;
mod paused;
mod process;
mod proxy;
mod prune;
mod readme;
mod replay;
mod scenarios;
mod states;
mod tidy;
mod worker;
mod yes;
