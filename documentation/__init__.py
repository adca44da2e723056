"""The pages, and what makes the generated parts of them: transcripts, references, figures, the notebook, pictures."""
