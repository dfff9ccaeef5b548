;; expect: guest:malformed
;; A list of 2^31 - 1 proposals in a memory of one page.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.store (i32.const 136) (i32.const 4096))
    (i32.store (i32.const 140) (i32.const 0x7fffffff))
    (i32.const 128)))
