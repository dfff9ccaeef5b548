;; expect: refused: compile the component
;; Waits until another thread wakes it, for ever.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (memory $shared 1 1 shared)
  (func (result i32)
    (memory.atomic.wait32 $shared (i32.const 0) (i32.const 0) (i64.const -1)))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
