"""Fact verification: is a claim supported, refuted, or can nothing be said?"""
