"""What a glidein does on its node: looks at what it was given, and runs a worker's launcher there.

It is sent alone, as one file, and run by whatever Python the node has: standard library, Python
3.6, and of pcm nothing but itself, by relative imports. Its exit status says what it meant (see
``condor/description.py``); its output says what happened, and the reason why a machine cannot work
is also set on the job, for the hold reason.
"""
