;; expect: guest:malformed
;; A log line that is no UTF-8.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (data (i32.const 256) "\ff\fe")
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (call $log (i32.const 1) (i32.const 256) (i32.const 2))
    (i32.const 128)))
