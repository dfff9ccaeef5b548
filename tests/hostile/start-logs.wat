;; expect: refused: guest:trap
;; Logs while it is instantiated, before there is anything to log to.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func $start (call $log (i32.const 1) (i32.const 96) (i32.const 5)))
  (start $start)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
