;; expect: refused: compile the component
;; Adds numbers of 128 bits, by a proposal that no language here needs.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (param i64 i64 i64 i64) (result i64 i64)
    (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
