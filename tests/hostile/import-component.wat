;; expect: refused: hands a component on
;; Asks the host for a component.
(component (import "plugin" (component)))
