;; expect: refused: compile the component
;; A table with 64-bit indices.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (table $wide i64 1 funcref)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
