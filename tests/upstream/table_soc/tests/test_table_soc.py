raise AssertionError("the engine imports a model, not its tests")
