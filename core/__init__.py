"""Labelmend's engine: data sets, checks, review and export. Nothing in here imports streamlit."""

__version__ = "0.1.0"
