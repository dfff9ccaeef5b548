;; expect: guest:trap
;; Reads beyond its memory.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.load (i32.const 0x7ffffff0))))
