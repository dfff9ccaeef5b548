;; expect: guest:trap
;; Leaves as a program does that has done its work: nothing was decided.
;; world wasi
(module
  (import "wasi:cli/exit@0.2.6" "exit" (func $exit (param i32)))
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $exit (i32.const 0))
    (i32.const 128)))
