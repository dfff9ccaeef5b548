;; expect: guest:malformed
;; A level that does not exist.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $log (i32.const 9) (i32.const 96) (i32.const 5))
    (i32.const 128)))
