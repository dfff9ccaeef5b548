;; expect: decided
;; Calls through a typed reference to a function: it needs no heap and is counted as any call is, so it may.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (type $f (func (param i32) (result i32)))
  (func $same (type $f) (local.get 0))
  (elem declare func $same)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (drop (call_ref $f (i32.const 1) (ref.func $same)))
    (i32.const 128)))
