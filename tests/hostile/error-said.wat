;; expect: guest:error
;; Says that it can't decide, and tries to clear the screen.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (data (i32.const 200) "no\1b[2J\nyes")
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.store8 (i32.const 128) (i32.const 1))
    (i32.store (i32.const 136) (i32.const 200))
    (i32.store (i32.const 140) (i32.const 10))
    (i32.const 128)))
