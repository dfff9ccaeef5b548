;; expect: refused: guest:trap
;; Data that does not fit into its memory: only instantiating shows it.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (data (i32.const 65530) "too long to fit")
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
