;; expect: decided
;; Reads both clocks twice, with a wait between: a clock that moves would tell a live turn from a replay.
;; world wasi
(module
  (import "wasi:clocks/monotonic-clock@0.2.6" "now" (func $now (result i64)))
  (import "wasi:clocks/wall-clock@0.2.6" "now" (func $wall (param i32)))
  (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $wait (param i64) (result i32)))
  (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (local $first i64)
    (local.set $first (call $now))
    (call $wall (i32.const 256))
    (call $block (call $wait (i64.const 1_000_000_000)))
    (call $wall (i32.const 272))
    (if (i64.ne (local.get $first) (call $now)) (then unreachable))
    (if (i64.ne (i64.load (i32.const 256)) (i64.load (i32.const 272))) (then unreachable))
    (if (i32.ne (i32.load (i32.const 264)) (i32.load (i32.const 280))) (then unreachable))
    (i32.const 128)))
