"""What a checkpoint makes of held-out people: did faces turn, stay who they are, stay sharp?"""
