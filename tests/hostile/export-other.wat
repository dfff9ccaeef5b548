;; expect: refused: it exports acme:shell/run@1.0.0
;; Exports something else.
(component (instance $i) (export "acme:shell/run@1.0.0" (instance $i)))
