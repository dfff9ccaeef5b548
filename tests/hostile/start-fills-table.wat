;; expect: refused: guest:memory-limit
;; Grows a table while it is instantiated.
(module
  ;; include prelude
  ;; include allocator
  ;; include describe
  (table $table 0 funcref)
  (func $start (loop $more (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $more)))
  (start $start)
  (func (export "quarterdeck:policy/decider@0.1.0#decide") (param i32) (result i32)
    (i32.const 128)))
