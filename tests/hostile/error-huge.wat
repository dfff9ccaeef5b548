;; expect: guest:output-limit
;; An error text of 8 MiB: the failing path needs the limits too.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (memory.grow (i32.const 128)))
    (i32.store8 (i32.const 128) (i32.const 1))
    (i32.store (i32.const 136) (i32.const 4096))
    (i32.store (i32.const 140) (i32.const 8388608))
    (i32.const 128)))
