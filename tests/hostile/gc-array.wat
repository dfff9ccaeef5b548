;; expect: refused: compile the component
;; An array on a collector's heap: memory that no limit of ours counts.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (type $bytes (array (mut i8)))
  (func (result (ref $bytes)) (array.new $bytes (i32.const 0) (i32.const 1000)))
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
