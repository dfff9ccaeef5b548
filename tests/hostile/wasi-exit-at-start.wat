;; expect: refused: guest:trap
;; Leaves as soon as it is called for the first time, to be asked what it is.
;; world wasi
(module
  (import "wasi:cli/exit@0.2.6" "exit" (func $exit (param i32)))
  ;; include prelude
  ;; include allocator
  (func (export "quarterdeck:policy/decider@0.1.0#describe") (result i32)
    (call $exit (i32.const 1)) (i32.const 16))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
