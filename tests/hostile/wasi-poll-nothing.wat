;; expect: guest:trap
;; Polls an empty list, which WASI forbids: it would wait for ever.
;; world wasi
(module
  (import "wasi:io/poll@0.2.6" "poll" (func $poll (param i32 i32 i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $poll (i32.const 0) (i32.const 0) (i32.const 256))
    (i32.const 128)))
