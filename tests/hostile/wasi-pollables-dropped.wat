;; expect: guest:out-of-fuel
;; Makes pollables and drops them, for ever.
;; world wasi
(module
  (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration" (func $wait (param i64) (result i32)))
  (import "wasi:io/poll@0.2.6" "[resource-drop]pollable" (func $drop (param i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (loop $more (call $drop (call $wait (i64.const 1))) (br $more))
    unreachable))
