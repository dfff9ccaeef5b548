;; expect: guest:malformed
;; A proposal whose action does not exist.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.store (i32.const 136) (i32.const 4096))
    (i32.store (i32.const 140) (i32.const 1))
    (i32.store8 (i32.const 4112) (i32.const 99))
    (i32.const 128)))
