;; expect: guest:output-limit
;; Polls a list of a million handles.
;; world wasi
(module
  (import "wasi:io/poll@0.2.6" "poll" (func $poll (param i32 i32 i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (memory.grow (i32.const 64)))
    (call $poll (i32.const 4096) (i32.const 1_000_000) (i32.const 256))
    (i32.const 128)))
