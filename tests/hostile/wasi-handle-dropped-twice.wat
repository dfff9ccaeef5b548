;; expect: guest:malformed
;; Drops the same pollable twice.
;; world wasi
(module
  (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $wait (param i64) (result i32)))
  (import "wasi:io/poll@0.2.6" "[resource-drop]pollable" (func $drop (param i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (local $it i32)
    (local.set $it (call $wait (i64.const 1)))
    (call $drop (local.get $it))
    (call $drop (local.get $it))
    (i32.const 128)))
