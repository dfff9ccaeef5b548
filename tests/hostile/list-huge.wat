;; expect: guest:output-limit
;; A hundred thousand real proposals.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (memory.grow (i32.const 200)))
    (i32.store (i32.const 136) (i32.const 4096))
    (i32.store (i32.const 140) (i32.const 100000))
    (i32.const 128)))
