//! Placeholder: releases.
