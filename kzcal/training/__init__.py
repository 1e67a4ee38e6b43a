"""What trainings of translators and classifiers share: loop, processes, files of a model."""
