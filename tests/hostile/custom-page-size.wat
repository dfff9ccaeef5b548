;; expect: refused: compile the component
;; A memory with pages of one byte: limits are counted in pages of 64 KiB.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (memory $tiny 1 (pagesize 1))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
