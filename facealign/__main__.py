"""`python -m facealign`."""

if __name__ == "__main__":  # not in processes that it starts
    try:
        from facealign.cli.main import start

        start()
    except KeyboardInterrupt:  # before facealign handles it
        raise SystemExit(130) from None
