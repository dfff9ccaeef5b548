;; expect: guest:malformed
;; Waits for a pollable that it was never given.
;; world wasi
(module
  (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $block (i32.const 12345))
    (i32.const 128)))
