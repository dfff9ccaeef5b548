;; expect: refused: host:stack
;; Uses up the native stack while it is instantiated.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func $deeper (param i32) (result i32) (i32.add (i32.const 1) (call $deeper (local.get 0))))
  (func $start (drop (call $deeper (i32.const 0))))
  (start $start)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
