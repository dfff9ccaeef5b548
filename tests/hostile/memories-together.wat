;; expect: guest:memory-limit
;; Each of its memories stays below the budget; together they do not.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (memory $a 0)
  (memory $b 0)
  (memory $c 0)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (memory.grow $a (i32.const 480)))
    (drop (memory.grow $b (i32.const 480)))
    (drop (memory.grow $c (i32.const 480)))
    (i32.const 128)))
