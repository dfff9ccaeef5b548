;; expect: refused: guest:trap
;; Traps while it is instantiated.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func $start unreachable)
  (start $start)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
