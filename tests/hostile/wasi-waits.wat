;; expect: decided
;; Waits for an hour: a wait is over at once, and no thread of the host sleeps.
;; world wasi
(module
  (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $wait (param i64) (result i32)))
  (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $block (call $wait (i64.const 3_600_000_000_000)))
    (i32.const 128)))
